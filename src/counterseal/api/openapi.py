"""The OpenAPI 3.1 document of the interface.

`python -m counterseal.api.openapi > docs/reference/openapi.json` writes it; a test holds it to the routes.
"""

import functools
import json
import sys
from typing import Any

from counterseal import bootstrap  # noqa: F401 - Django's settings, before anything of ninja


@functools.cache
def document() -> dict[str, Any]:
    """The document: paths and schemas from the routes, the one form of problems, the one way to a token."""
    from ninja.openapi.schema import REF_TEMPLATE
    from ninja.schema import NinjaGenerateJsonSchema

    from counterseal.api.problems import KINDS, MEDIA_TYPE
    from counterseal.api.routes.checkpoints import with_gpc
    from counterseal.api.schemas import Problem, TokenRefused
    from counterseal.api.urls import V1, api
    from counterseal.gateway.api_clients import SCOPES

    made: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(path_prefix="")))
    made["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    made["servers"] = [{"url": "/", "description": "this installation"}]
    schemas = made["components"]["schemas"]
    for model in (Problem, TokenRefused):
        said = model.model_json_schema(
            ref_template=REF_TEMPLATE, mode="serialization", schema_generator=NinjaGenerateJsonSchema
        )
        schemas.update(said.pop("$defs", {}))
        schemas[model.__name__] = said
    made["components"]["schemas"] = dict(sorted(schemas.items()))
    form = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    made["components"]["responses"] = {
        str(status): {
            "description": "; ".join(f"{k.title} (`{c}`)" for c, k in KINDS.items() if k.status == status),
            "content": form,
        }
        for status in sorted({kind.status for kind in KINDS.values()})
    }
    made["components"]["securitySchemes"] = {
        "oauth2": {
            "type": "oauth2",
            "description": "An access token of a registered client (`counterseal api register-client`).",
            "flows": {"clientCredentials": {"tokenUrl": f"{V1}/token", "scopes": dict(SCOPES)}},
        }
    }
    for path in (f"{V1}/verify", f"{V1}/opt-out/checks"):
        with_gpc(made["paths"][path]["post"])
    said_no = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/TokenRefused"}}}}
    answers = made["paths"][f"{V1}/token"]["post"]["responses"]
    answers["400"] = {
        "description": "No token (RFC 6749, 5.2), or a request that cannot be read.",
        "content": {**said_no["content"], **form},
    }
    answers["401"] = {"description": "The client did not show who it is (RFC 6749, 5.2).", **said_no}
    answers.pop("422", None)
    made["paths"][f"{V1}/opt-out/list"]["get"]["responses"]["304"] = {
        "description": "The list that you have is in force."
    }
    return made


def text() -> str:
    """The document as it is committed."""
    return json.dumps(document(), indent=1, sort_keys=False, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
