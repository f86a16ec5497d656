"""The suites: each module here gives its checks by ``checks()``, and is found by being here."""
