# A bucket as it is made: each assertion is a promise of terraform/README.md.

mock_provider "aws" {}

variables {
  name = "bills-prod"
}

run "a_bucket_is_private_versioned_and_encrypted" {
  command = plan
  module {
    source = "./modules/storage"
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "not versioned"
  }
  assert {
    condition = (
      aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy &&
      aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    )
    error_message = "open to the public"
  }
  assert {
    condition = one([
      for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule :
      one(rule.apply_server_side_encryption_by_default).sse_algorithm
    ]) == "AES256"
    error_message = "not encrypted"
  }
  assert {
    condition = (
      jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Effect == "Deny" &&
      jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"
    )
    error_message = "reached without TLS"
  }
  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule :
      try(one(rule.abort_incomplete_multipart_upload).days_after_initiation, 0) == 1
    ])
    error_message = "incomplete uploads stay for more than a day"
  }
  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule :
      try(one(rule.noncurrent_version_expiration).noncurrent_days, 0) == 35
    ])
    error_message = "old versions stay for ever"
  }
}

run "a_key_is_used" {
  command = plan
  module {
    source = "./modules/storage"
  }
  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:000000000000:key/11111111-2222"
  }

  assert {
    condition = one([
      for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule :
      one(rule.apply_server_side_encryption_by_default).sse_algorithm
    ]) == "aws:kms"
    error_message = "the key is not used"
  }
}

run "old_versions_are_kept_for_whole_days" {
  command = plan
  module {
    source = "./modules/storage"
  }
  variables {
    old_version_days = 0
  }
  expect_failures = [var.old_version_days]
}
