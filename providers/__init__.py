"""How an API is spoken to: where requests go, how they are written, how responses are read.

In reading order:
    provider     one place to send requests to, and its key
    registry     the providers that are known, from `providers.yaml`
    addresses    whether they are on this machine, and whose service they reach
    key_rule     which key goes where without a question
    proxies      which proxy requests go through
    reply        what a response is read into
    usage_fields, generated_text
                 what else a response says was billed, and everything in it that a model wrote
    capabilities what a model takes at a provider, and what is sent for an experiment's fields
    apis         one module for each API
    rate_limits  what response headers say of limits
    error_body   an error's message for a person, and whether it holds generated text
    failures     what an error means, for what, how long to wait and whether it is billed
    batches      many requests that are answered within hours, and one module for each of their APIs
    clients      what programs' own clients send, and are sent

Nothing here sends: the estimator and the runner do.
"""
