"""OpenID Connect: what a provider's answers must hold, beside what oauthenticator asks of them."""

from __future__ import annotations

from typing import Any

import jwt
from oauthenticator.generic import GenericOAuthenticator
from tornado.web import HTTPError
from traitlets import Unicode

from hub.sign_in.rechecking import Rechecking

__all__ = ["OpenIDAuthenticator"]

#: By which an ID token may be signed: never by a secret that others share, nor not at all.
_ALGORITHMS = [*("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")]
_LEEWAY = 60  # seconds by which two clocks may differ


class OpenIDAuthenticator(Rechecking, GenericOAuthenticator):  # type: ignore[misc]
    """oauthenticator's generic sign-in, with the checks of OpenID Connect Core 1.0, sections 3.1.3.7 and 5.3.2.

    The person is who the provider's userinfo says, which a provider refuses for somebody it does not know any more. The
    ID token that comes with the tokens must be signed by the provider, for this hub, and be about the same person.
    """

    domain_claim = "email"  # which is verified
    issuer = Unicode(config=True, help="Who must have issued an ID token.")
    keys_url = Unicode(config=True, help="Where the provider's public keys are.")

    async def get_token_info(self, handler: Any, params: dict[str, Any]) -> dict[str, Any]:
        """The provider's tokens, the ID token among them being checked."""
        told: dict[str, Any] = await super().get_token_info(handler, params)
        if "id_token" in told:
            await self._check(told["id_token"])
        elif params["grant_type"] == "authorization_code":
            raise HTTPError(403, "The identity provider sent no ID token; the scope openid asks for it.")
        return told

    async def token_to_user(self, token_info: dict[str, Any]) -> dict[str, Any]:
        """Who the provider says the person is."""
        person = dict(await super().token_to_user(token_info))
        if "id_token" in token_info:  # checked when it came
            claims = jwt.decode(token_info["id_token"], options={"verify_signature": False})
            if person.get("sub") != claims["sub"]:
                raise HTTPError(403, "The identity provider's answers are about two different people.")
        if person.get("email") and person.get("email_verified") is not True:
            raise HTTPError(
                403, "The identity provider has not verified your e-mail address. Verify it there, then sign in again."
            )
        if not person.get(self.username_claim):
            raise HTTPError(
                403, f"The identity provider does not say your {self.username_claim}, by which people are known here."
            )
        return person

    async def _check(self, id_token: str) -> None:
        """Refuse an ID token that the provider did not sign for this hub, or not lately."""
        published = await self.httpfetch(self.keys_url, "fetching the provider's keys")
        try:
            keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(published).keys}
            key = keys.get(jwt.get_unverified_header(id_token).get("kid")) or next(iter(keys.values()))
            claims = jwt.decode(
                id_token,
                key,
                algorithms=_ALGORITHMS,
                audience=self.client_id,
                issuer=self.issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
        except jwt.PyJWTError as refused:  # its words do not hold the token
            raise HTTPError(403, f"The identity provider's ID token is refused: {refused}.") from None
        if claims.get("azp", self.client_id) != self.client_id:
            raise HTTPError(403, "The identity provider's ID token is refused: it was made for another application.")
