output "clients" {
  description = "Client → what the infrastructure needs to know of its entry; without those that are not enabled."
  value       = local.clients
}

output "buckets" {
  description = "Bucket → what the keys of its objects begin with, sorted."
  value = {
    for bucket in distinct([for entry in values(local.clients) : entry.bucket]) : bucket => sort(distinct(flatten([
      for client, entry in local.clients : local.prefixes[client] if entry.bucket == bucket
    ])))
  }
}

output "connections" {
  description = "Names of the Airflow connections that the clients use, sorted."
  value = sort(distinct(compact(flatten([
    for entry in values(local.clients) : concat(entry.feeds, [entry.database, entry.mail, entry.slack])
  ]))))
}
