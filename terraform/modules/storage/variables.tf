variable "name" {
  description = "The bucket's name."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts new objects; null: the key of S3 (AES256)."
  type        = string
  default     = null
}

variable "object_acls" {
  description = "Whether objects are written with an ACL (export.acl): else ACLs are switched off."
  type        = bool
  default     = false
}

variable "old_version_days" {
  description = "Days after which a version that was replaced or deleted is gone."
  type        = number
  default     = 35

  validation {
    condition     = var.old_version_days >= 1 && floor(var.old_version_days) == var.old_version_days
    error_message = "old_version_days must be a whole number of days, at least 1."
  }
}
