"""Accounts of GitHub and Google, asked for again while somebody is at work."""

from __future__ import annotations

from typing import Any

from oauthenticator.github import GitHubOAuthenticator
from oauthenticator.google import GoogleOAuthenticator

from hub.sign_in.rechecking import Rechecking

__all__ = ["GitHub", "Google"]


class GitHub(Rechecking, GitHubOAuthenticator):  # type: ignore[misc]
    """GitHub's accounts; the groups are the teams, each as ``organisation:team``."""

    async def get_user_groups(self, auth_state: dict[str, Any]) -> set[str]:
        """Somebody's teams, and the organisations these are of."""
        teams = auth_state.get("teams") or []
        owners = {str(team["organization"]["login"]).lower() for team in teams}
        return owners | {f"{team['organization']['login']}:{team['slug']}".lower() for team in teams}


class Google(Rechecking, GoogleOAuthenticator):  # type: ignore[misc]
    """Google's accounts, named by their e-mail address, which Google must have verified."""

    domain_claim = "hd"  # of the organisation that manages the account: an e-mail address alone does not tell
