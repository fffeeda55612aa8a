"""What a host has for a record journal: JSON goes in and comes out."""

import json


class Store:
    def __init__(self, record=None):
        self.text = None if record is None else json.dumps(record)

    def get(self):
        return self.text and json.loads(self.text)

    def set(self, record):
        self.text = json.dumps(record)

    def delete(self):
        self.text = None
