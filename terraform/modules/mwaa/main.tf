# The MWAA environment, as docs/deploy.md describes it.

locals {
  bundled = var.bundle == null ? {} : {
    plugins      = { key = "plugins.zip", path = "${var.bundle}/plugins.zip" }
    requirements = { key = "requirements.txt", path = "${var.bundle}/requirements.txt" }
  }
  options = {
    "secrets.backend" = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
    "secrets.backend_kwargs" = jsonencode({
      connections_prefix         = "airflow/connections"
      connections_lookup_pattern = "^(?!aws_default$).*$"
      variables_lookup_pattern   = "^$"
    })
    "core.load_examples"              = "False"
    "core.max_templated_field_length" = "65536"
  }
}

resource "aws_security_group" "this" {
  name_prefix = "${var.name}-mwaa-"
  description = "MWAA ${var.name}: its components among each other, and out"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "own" {
  security_group_id            = aws_security_group.this.id
  description                  = "Components of the environment"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "out" {
  security_group_id = aws_security_group.this.id
  description       = "Warehouse, AWS, mail, Slack"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

# MWAA reads the versions of these files that the environment names; DAGs and SQL follow with `aws s3 sync`.
resource "aws_s3_object" "bundle" {
  for_each    = local.bundled
  bucket      = var.bucket
  key         = each.value.key
  source      = each.value.path
  source_hash = filesha256(each.value.path)
}

resource "aws_s3_object" "startup" {
  bucket       = var.bucket
  key          = "startup.sh"
  content      = "#!/bin/sh\nexport BDA_ENVIRONMENT=${var.environment}\n"
  content_type = "text/x-shellscript"
}

resource "aws_mwaa_environment" "this" {
  name               = var.name
  airflow_version    = var.airflow_version
  environment_class  = var.environment_class
  execution_role_arn = aws_iam_role.execution.arn
  kms_key            = var.kms_key_arn

  source_bucket_arn                = "arn:aws:s3:::${var.bucket}"
  dag_s3_path                      = "dags"
  plugins_s3_path                  = var.bundle == null ? null : aws_s3_object.bundle["plugins"].key
  plugins_s3_object_version        = var.bundle == null ? null : aws_s3_object.bundle["plugins"].version_id
  requirements_s3_path             = var.bundle == null ? null : aws_s3_object.bundle["requirements"].key
  requirements_s3_object_version   = var.bundle == null ? null : aws_s3_object.bundle["requirements"].version_id
  startup_script_s3_path           = aws_s3_object.startup.key
  startup_script_s3_object_version = aws_s3_object.startup.version_id

  min_workers                     = var.workers.min
  max_workers                     = var.workers.max
  webserver_access_mode           = var.webserver_access_mode
  weekly_maintenance_window_start = var.maintenance_window
  airflow_configuration_options   = local.options

  network_configuration {
    security_group_ids = [aws_security_group.this.id]
    subnet_ids         = var.subnet_ids
  }

  # The alarms count lines of level INFO.
  logging_configuration {
    dag_processing_logs {
      enabled   = true
      log_level = "INFO"
    }
    scheduler_logs {
      enabled   = true
      log_level = "INFO"
    }
    task_logs {
      enabled   = true
      log_level = "INFO"
    }
    webserver_logs {
      enabled   = true
      log_level = "WARNING"
    }
    worker_logs {
      enabled   = true
      log_level = "WARNING"
    }
  }

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.airflow, aws_iam_role_policy.publications]
}
