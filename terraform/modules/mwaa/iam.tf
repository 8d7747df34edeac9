# The execution role: what MWAA itself needs, and exactly the actions that the package uses, on its own prefixes.

locals {
  # docs/deploy.md lists the same actions; tests/deploy/test_terraform_policy.py compares them with the code.
  actions = jsondecode(file("${path.module}/actions.json"))
  source  = "arn:aws:s3:::${var.bucket}"

  object_actions = sort(concat(
    local.actions.objects, var.object_acls ? local.actions.acl : [], var.object_tags ? local.actions.tags : []
  ))
  publication_statements = flatten([for bucket, prefixes in var.publications : [
    {
      Effect    = "Allow"
      Action    = ["s3:ListBucket"]
      Resource  = "arn:aws:s3:::${bucket}"
      Condition = { StringLike = { "s3:prefix" = [for prefix in prefixes : "${prefix}*"] } }
    },
    {
      # S3 has no condition on the prefix for this action.
      Effect    = "Allow"
      Action    = [for action in local.actions.bucket : action if action != "s3:ListBucket"]
      Resource  = "arn:aws:s3:::${bucket}"
      Condition = null
    },
    {
      Effect    = "Allow"
      Action    = local.object_actions
      Resource  = [for prefix in prefixes : "arn:aws:s3:::${bucket}/${prefix}*"]
      Condition = null
    },
  ]])
  key_statements = length(var.publication_key_arns) == 0 ? [] : [
    { Effect = "Allow", Action = local.actions.key, Resource = var.publication_key_arns }
  ]
  # Not only those that exist: a connection that may not be read is refused, not treated as absent.
  secret_statements = [{
    Effect   = "Allow"
    Action   = local.actions.secrets
    Resource = "arn:aws:secretsmanager:${var.region}:${var.account_id}:secret:airflow/connections/*"
  }]
  policies = {
    # What AWS documents for MWAA's own work: its bucket, logs, metrics and the queue of its workers.
    airflow = jsonencode({ Version = "2012-10-17", Statement = concat([
      {
        Effect   = "Allow"
        Action   = ["airflow:PublishMetrics"]
        Resource = "arn:aws:airflow:${var.region}:${var.account_id}:environment/${var.name}"
      },
      { Effect = "Allow", Action = ["s3:GetObject*", "s3:GetBucket*", "s3:List*"], Resource = [local.source, "${local.source}/*"] },
      { Effect = "Allow", Action = ["s3:GetAccountPublicAccessBlock", "logs:DescribeLogGroups"], Resource = "*" },
      {
        Effect = "Allow"
        Action = [
          "logs:CreateLogStream", "logs:CreateLogGroup", "logs:PutLogEvents", "logs:GetLogEvents", "logs:GetLogRecord",
          "logs:GetLogGroupFields", "logs:GetQueryResults",
        ]
        Resource = "arn:aws:logs:${var.region}:${var.account_id}:log-group:airflow-${var.name}-*"
      },
      { Effect = "Allow", Action = ["cloudwatch:PutMetricData"], Resource = "*" },
      {
        Effect = "Allow"
        Action = [
          "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl",
          "sqs:ReceiveMessage", "sqs:SendMessage",
        ]
        # The queue is in an account of AWS.
        Resource = "arn:aws:sqs:${var.region}:*:airflow-celery-*"
      },
      ], local.queue_key_statements)
    })
    publications = jsonencode({
      Version = "2012-10-17"
      # A statement without a condition has no such key.
      Statement = concat(
        [for statement in local.publication_statements : { for key, value in statement : key => value if value != null }],
        local.key_statements,
        local.secret_statements,
      )
    })
  }
  queue_key = { for service in ["sqs", "s3"] : service => "${service}.${var.region}.amazonaws.com" }
  queue_key_statements = [merge(
    {
      Effect = "Allow"
      Action = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*", "kms:Encrypt"]
      Condition = {
        StringLike = { "kms:ViaService" = values(local.queue_key) }
      }
    },
    # Without a key of ours, the queue's key belongs to AWS.
    var.kms_key_arn == null
    ? { NotResource = "arn:aws:kms:*:${var.account_id}:key/*" }
    : { Resource = var.kms_key_arn },
  )]
}

resource "aws_iam_role" "execution" {
  name = "${var.name}-mwaa"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = ["airflow-env.amazonaws.com", "airflow.amazonaws.com"] }
    }]
  })
}

resource "aws_iam_role_policy" "airflow" {
  name   = "airflow"
  role   = aws_iam_role.execution.id
  policy = local.policies.airflow
}

resource "aws_iam_role_policy" "publications" {
  name   = "publications"
  role   = aws_iam_role.execution.id
  policy = local.policies.publications
}

resource "aws_iam_role_policy" "extra" {
  for_each = var.extra_policies
  name     = each.key
  role     = aws_iam_role.execution.id
  policy   = each.value
}
