"""Sign-in at an identity provider: OpenID Connect, GitHub, Google.

oauthenticator speaks with the providers; what it does not ask of their answers is asked here.

    provider       which kinds there are, what each needs to be set, and what JupyterHub is told
    discovery      where an OpenID provider has its doors
    rechecking     whether the provider still knows somebody who is signed in
    openid         what an OpenID provider's answers must hold
    accounts       GitHub and Google
"""

from __future__ import annotations
