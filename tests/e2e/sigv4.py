"""Signs requests to a Data API by the rules of AWS (SigV4). Not a client."""
import datetime
import functools
import hashlib
import hmac

SERVICE = "rds-data"


@functools.lru_cache(maxsize=16)
def signing_key(key, *scope):
    made = f"AWS4{key}".encode()
    for part in scope:
        made = hmac.new(made, part.encode(), hashlib.sha256).digest()
    return made


def sign(method, path, body, headers, key_id, key, region="eu-north-1"):
    """The headers with a signature over all of them."""
    time_text = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {**headers, "x-amz-date": time_text}
    names = ";".join(sorted(headers))
    canonical = "\n".join([method, path, "",
                           *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names,
                           hashlib.sha256(body).hexdigest()])
    parts = (time_text[:8], region, SERVICE, "aws4_request")
    scope = "/".join(parts)
    text = "\n".join(["AWS4-HMAC-SHA256", time_text, scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(signing_key(key, *parts), text.encode(), hashlib.sha256).hexdigest()
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, "
                                        f"SignedHeaders={names}, Signature={signature}"}
