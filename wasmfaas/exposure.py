"""Who can reach a server, and what that takes."""

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


def exposure_objection(
    host: str, *, has_certificate: bool, has_key: bool, insecure_http: bool, dev_no_auth: bool
) -> str | None:
    """Why a server must not listen on *host* so, or None: nothing leaves this machine in the
    clear, or goes unchecked, unless the operator asks for it."""
    if has_certificate != has_key:
        return "tls_cert and tls_key go together: set both, or neither."
    if has_certificate and insecure_http:
        return "insecure_http is set, but so is tls_cert: set one of them."
    if host in LOOPBACK_HOSTS:
        return None
    local = ", ".join(sorted(LOOPBACK_HOSTS))
    if dev_no_auth:
        return (
            f"host is {host!r}, but dev_no_auth is for loopback addresses only ({local}): anyone "
            "on the network could run code here."
        )
    if has_certificate or insecure_http:
        return None
    return (
        f"host is {host!r}, but other addresses than loopback ({local}) need TLS: set tls_cert and "
        "tls_key, or insecure_http where the network is trusted, or where a proxy in front of the "
        "server speaks TLS."
    )
