"""What the JSON documents hold: types alone, from which docs/json-schema.json is made.

A document is a plain dictionary, and each of these classes states its fields: one file for what belongs together.
Fields that are not always there are `NotRequired`; more may come, and none of these goes away or changes its meaning.
"""
