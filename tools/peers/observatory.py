"""MDN's HTTP Observatory against the service over HTTPS: A+ for the first thing that is served and for the page.

Its scanner takes a host name and adds `https://`; a port and a path go through. The list of hosts that browsers know as
HTTPS-only, which it wants to download at its installation, is left empty: it could only add points.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from service import Service


def main(installed):
    scanner = Path(installed) / "node_modules" / "@mdn" / "mdn-http-observatory"
    (scanner / "conf" / "hsts-preload.json").write_text("{}")
    good = True
    with Service(tls=True) as service:
        environment = {**os.environ, "NODE_EXTRA_CA_CERTS": str(service.authority)}
        for path in ["/", "/docs"]:
            command = ["node", scanner / "src" / "scan.js", f"localhost:{service.port}{path}"]
            told = json.loads(subprocess.run(command, env=environment, check=False, capture_output=True).stdout)
            scan = told.get("scan", {})
            good &= scan.get("grade") == "A+" and scan.get("testsFailed") == 0
            print(path, scan.get("grade"), scan.get("score"), f"{scan.get('testsFailed')} failed", told.get("error", ""))
            for name, test in told.get("tests", {}).items():
                print(f"    {name}: {test['result']}")
    print("ok" if good else "FAILED")
    return 0 if good else 1


sys.exit(main(sys.argv[1]))
