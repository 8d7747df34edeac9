output "policy" {
  description = "What the execution role needs for the feed, as JSON."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

output "created_topics" {
  description = "Properties of the topics that are made here."
  value = flatten([
    for stack in aws_cloudformation_stack.topics : [
      for resource in values(jsondecode(stack.template_body).Resources) : resource.Properties
    ]
  ])
}
