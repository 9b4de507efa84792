"""What can be expanded in the answer of an operation, read from the API description."""

import json


class Expansion:
    def __init__(self, spec_file):
        with open(spec_file) as file:
            document = json.load(file)
        self._paths, self._schemas = document["paths"], document["components"]["schemas"]

    def of(self, operation, depth=2):
        """The names for `expand[]`, such as `data.charge.balance_transaction`."""
        method, path = operation.split()
        content = self._paths[path][method.lower()]["responses"]["200"].get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        objects = self._objects(schema)
        lists = [found["properties"]["data"]["items"] for found in objects if "data" in found.get("properties", {})]
        if lists:
            return sorted({f"data.{name}" for item in lists for name in self._names(item, depth - 1)})
        return sorted(set(self._names(schema, depth)))

    def _names(self, schema, depth):
        for found in self._objects(schema):
            for name, value in found.get("properties", {}).items():
                if not self._is_expandable(value):
                    # A hash that is no object of its own, such as `transfer_data`.
                    if depth > 1 and self._is_hash(value):
                        yield from (f"{name}.{inner}" for inner in self._names(value, 1))
                    continue
                yield name
                if depth > 1:
                    yield from (f"{name}.{inner}" for inner in self._names(value, depth - 1))

    def _is_expandable(self, schema):
        schema = self._resolve(schema)
        return bool(schema.get("x-expansionResources"))

    def _is_hash(self, schema):
        return any("object" not in found["properties"] for found in self._objects(schema))

    def _objects(self, schema):
        schema = self._resolve(schema)
        alternatives = schema.get("anyOf") or schema.get("oneOf")
        if alternatives:
            return [found for alternative in alternatives for found in self._objects(alternative)]
        return [schema] if schema.get("properties") else []

    def _resolve(self, schema):
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rsplit("/", 1)[1]]
        return schema
