"""A strict provider: it refuses what the real ones refuse, and answers the rest.

In reading order:
    rules/         what each API knows and each model refuses, as data with its sources
    field_types    how a value is described there, and whether a value fits
    rulebook       the rules of a provider, and those that apply to a model
    asked_reasoning whether a body asks for reasoning
    checks         every fault that a provider would find in a request
    replies        errors and answers in the form of each API
    server         the same over HTTP
    campaign       what afcost would send for every priced model, held against the rules
    report         the campaign's table, for people

The rules are transcribed from request types of SDKs, from tables of other libraries and from public
reports, and were compared with two catalogues that try parameters against the real APIs
(mnfst/modelparams.dev of August 2026, anomalyco/models.dev of July 2026). They are not derived from
`providers/capabilities`: two transcriptions that were made apart show each other's mistakes.
"""
