"""OpenAPI: documents of others read into an `Api`, and an `Api` written for others."""
