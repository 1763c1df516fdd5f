"""sslyze against the listener, by Mozilla's profiles (https://ssl-config.mozilla.org).

`intermediate` is the one that the contract follows (TLS 1.2 and 1.3) and must hold whole, the certificate's chain too, which
an authority made for this run vouches for. `modern` is TLS 1.3 alone: there the protocol and the suites of 1.2 may be
found, and nothing else.
"""

import re
import subprocess
import sys
from pathlib import Path

from service import Service

ONLY_BECAUSE_OF_TLS_1_2 = {"tls_versions", "ciphers"}


def scan(service, profile):
    program = Path(sys.executable).with_name("sslyze")
    command = [program, f"--mozilla_config={profile}", f"--certinfo_ca_file={service.authority}"]
    done = subprocess.run([*command, f"localhost:{service.port}"], check=False, capture_output=True, text=True)
    verdict = done.stdout[done.stdout.index("COMPLIANCE AGAINST") :]
    print(verdict.strip(), flush=True)
    return done.returncode, set(re.findall(r"^\s+\* (\w+):", verdict, re.MULTILINE))


def main():
    with Service(tls=True) as service:
        intermediate, _ = scan(service, "intermediate")
        _, wrong = scan(service, "modern")
    good = intermediate == 0 and wrong == ONLY_BECAUSE_OF_TLS_1_2
    print("ok" if good else "FAILED")
    return 0 if good else 1


sys.exit(main())
