"""The REST road: routes, problem details, middleware."""
