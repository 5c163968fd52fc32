"""Models of requests and answers; they are the OpenAPI document, and requests are checked against them."""
