"""Waits until the service shows jobs of a namespace whose names contain each of the words given."""

import os
import sys
import time
import urllib.request

URL, TOKEN = os.environ["LAKEWARDEN_URL"], os.environ["LAKEWARDEN_READ_TOKEN"]


def page(path):
    request = urllib.request.Request(URL + path, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def expect(namespace, words):
    deadline = time.monotonic() + 20
    missing = list(words)
    while missing and time.monotonic() < deadline:
        html = page(f"/jobs?q={namespace}") + page("/jobs")
        missing = [word for word in missing if word not in html]
        if missing:
            time.sleep(0.5)
    if missing:
        sys.exit(f"the jobs page does not show {', '.join(missing)} of {namespace}")
    print(f"  the jobs page shows {', '.join(words)}")


if __name__ == "__main__":
    expect(sys.argv[1], sys.argv[2:])
