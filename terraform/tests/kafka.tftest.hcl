# Topics and the rule to the brokers: made where they are asked for, and topics are kept when their line goes.

mock_provider "aws" {}

variables {
  name                     = "bills-prod"
  cluster_arn              = "arn:aws:kafka:eu-central-1:000000000000:cluster/orders/11111111-2222"
  read_topics              = ["orders"]
  group                    = "billing-orders-north-prod"
  worker_security_group_id = "sg-00000000000000001"
  topic_arn                = "arn:aws:sns:eu-central-1:000000000000:alarms"
}

run "a_topic_outlives_its_line" {
  command = plan
  module {
    source = "./modules/kafka"
  }
  variables {
    create_topics = { postings = 4 }
  }

  assert {
    condition = alltrue([
      for topic in values(jsondecode(aws_cloudformation_stack.topics[0].template_body).Resources) :
      topic.DeletionPolicy == "Retain" && topic.UpdateReplacePolicy == "Retain"
    ])
    error_message = "a topic is removed with what was sent"
  }
}

run "nothing_is_made_that_nobody_asks_for" {
  command = plan
  module {
    source = "./modules/kafka"
  }

  assert {
    condition     = length(aws_cloudformation_stack.topics) == 0
    error_message = "a stack without resources, which CloudFormation refuses"
  }
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.workers) == 0
    error_message = "a rule of a group that nobody has named"
  }
}
