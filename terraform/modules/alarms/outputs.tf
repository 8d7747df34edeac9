output "topic_arn" {
  description = "Topic that every alarm is sent to."
  value       = aws_sns_topic.this.arn
}

output "patterns" {
  description = "Metric filter → the pattern that it looks for."
  value       = { for name, filter in aws_cloudwatch_log_metric_filter.this : name => filter.pattern }
}

output "alarms" {
  description = "Names of all alarms, sorted."
  value = sort(concat(
    [for alarm in aws_cloudwatch_metric_alarm.failure : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.nothing_published : alarm.alarm_name],
  ))
}
