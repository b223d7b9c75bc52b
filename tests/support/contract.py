"""What the tests that walk the OpenAPI document ask of its operations."""


def asked_as(verb, operation):
    """The method: HEAD for a GET whose answer has no end, which is answered with its beginning alone."""
    endless = "text/event-stream" in operation["responses"].get("200", {}).get("content", {})
    return "HEAD" if endless else verb.upper()
