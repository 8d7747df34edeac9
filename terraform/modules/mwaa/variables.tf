variable "name" {
  description = "Name of the MWAA environment."
  type        = string
}

variable "airflow_version" {
  description = "Version of Airflow; only those that the project is tested with."
  type        = string
  default     = "3.3.1"

  validation {
    condition     = contains(["3.3.1", "3.2.1"], var.airflow_version)
    error_message = "airflow_version must be 3.3.1 or 3.2.1: the package is tested with these versions of MWAA."
  }
}

variable "environment" {
  description = "The package's environment, e.g. prod: it has the DAGs of that environment's clients."
  type        = string
}

variable "region" {
  description = "Region of the environment, its logs and its secrets."
  type        = string
}

variable "account_id" {
  description = "AWS account of the environment."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the workers; the warehouse must be reachable from it."
  type        = string
}

variable "subnet_ids" {
  description = "Two private subnets in different availability zones."
  type        = list(string)

  validation {
    condition     = length(distinct(var.subnet_ids)) == 2
    error_message = "subnet_ids must be exactly two subnets: MWAA takes no other number."
  }
}

variable "bucket" {
  description = "Bucket that MWAA reads DAGs, plugins and requirements from."
  type        = string
}

variable "bundle" {
  description = "Folder that `make package-mwaa` has built; null: the three files are uploaded by someone else."
  type        = string
  default     = null
}

variable "publications" {
  description = "Bucket of publications → what the keys of its objects begin with."
  type        = map(list(string))
}

variable "publication_key_arns" {
  description = "KMS keys of the publications' buckets and of export.kms_key_id; empty: S3's own key."
  type        = list(string)
  default     = []
}

variable "object_acls" {
  description = "Whether a client sets export.acl."
  type        = bool
  default     = false
}

variable "object_tags" {
  description = "Whether a client sets export.tags."
  type        = bool
  default     = false
}

variable "connections" {
  description = "Names of Airflow connections; each gets a secret airflow/connections/<name> without a value."
  type        = list(string)
}

variable "kms_key_arn" {
  description = "Key of the environment, its logs and its secrets; null: AWS' own keys."
  type        = string
  default     = null
}

variable "environment_class" {
  description = "Size of scheduler, web server and workers."
  type        = string
  default     = "mw1.small"
}

variable "workers" {
  description = "Fewest and most workers."
  type        = object({ min = number, max = number })
  default     = { min = 1, max = 4 }
}

variable "webserver_access_mode" {
  description = "PRIVATE_ONLY (from the VPC) or PUBLIC_ONLY (from the internet, behind IAM)."
  type        = string
  default     = "PRIVATE_ONLY"

  validation {
    condition     = contains(["PRIVATE_ONLY", "PUBLIC_ONLY"], var.webserver_access_mode)
    error_message = "webserver_access_mode must be PRIVATE_ONLY or PUBLIC_ONLY."
  }
}

variable "maintenance_window" {
  description = "Start of the weekly maintenance in UTC; not while the clients' runs are on."
  type        = string
  default     = "SUN:12:00"
}

variable "log_retention_days" {
  description = "Days that CloudWatch keeps logs."
  type        = number
  default     = 90
}

variable "extra_policies" {
  description = "Name → further policy of the execution role, as JSON, e.g. for Kafka."
  type        = map(string)
  default     = {}
}
