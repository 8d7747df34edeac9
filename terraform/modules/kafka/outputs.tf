output "policy" {
  description = "What the execution role needs for the feed, as JSON."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}
