"""`wasmfaas env`."""

import os
import shlex

from wasmfaas.cli.failures import Failure
from wasmfaas.cli.options import DataDir, Json, Url, session
from wasmfaas.cli.output import Output
from wasmfaas.cli.signing import KEY_VARIABLES, find


def env(url: Url = None, data_dir: DataDir = None, json: Json = False) -> None:
    """Print what points AWS tools here: eval "$(wasmfaas env)"."""
    with session(url, data_dir) as client:
        credentials, region = find(client.address.directory, os.environ), client.region()
        certificate = client.address.certificate
    if credentials is None:
        raise Failure(
            "NoCredentials",
            f"no access key was found for the server at {client.url}; set "
            f"{' and '.join(KEY_VARIABLES)}, or name the server's folder with --data-dir",
        )
    variables = {
        "AWS_ENDPOINT_URL": client.url,
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    if certificate is not None:
        variables["AWS_CA_BUNDLE"] = str(certificate)
    out = Output(json=json)
    if json:
        out.document(variables)
        return
    for name, value in variables.items():
        out.line(f"export {name}={shlex.quote(value)}")
    # One of another session does not go with these keys.
    out.line("unset AWS_SESSION_TOKEN AWS_PROFILE")
