# The stage environment. Replace the network's ids by your own, and keep the state where others can reach it.

terraform {
  required_version = ">= 1.7"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
  default_tags {
    tags = { project = "billing-data-aggregator", environment = "stage" }
  }
}

module "aggregator" {
  source       = "../.."
  environment  = "stage"
  bundle       = "${path.module}/../../../build/mwaa"
  vpc_id       = "vpc-00000000000000000"
  subnet_ids   = ["subnet-00000000000000000", "subnet-00000000000000001"]
  alarm_emails = ["billing-operations@example.com"]
}

output "secrets" {
  description = "Secrets that need a value."
  value       = module.aggregator.secrets
}

output "source_bucket" {
  description = "Bucket for `aws s3 sync build/mwaa/dags s3://<bucket>/dags`."
  value       = module.aggregator.source_bucket
}
