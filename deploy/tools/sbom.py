"""Whether a bill of materials is CycloneDX to the letter, and is about what was asked for."""

import json
import pathlib
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

text = pathlib.Path(sys.argv[1]).read_text()
problem = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
assert problem is None, problem

bill = json.loads(text)
names = {component["name"] for component in bill["components"]}
assert bill["metadata"]["component"]["name"] == "drawbridge"
# In the binary; and not: a tool of development, and one of its tests.
assert {"axum", "rustls", "aws-lc-rs"} <= names and not {"dev-postgres", "proptest"} & names
assert all("version" in component and "purl" in component for component in bill["components"])
print(f"({len(names)} crates)")
