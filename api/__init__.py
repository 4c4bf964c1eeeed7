"""The outermost layer: web, command line, worker and executor. Nothing else imports it but evals."""
