"""An auth manager with rights for each DAG: the name of a user is the client whose DAG they may see."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class ByClient(SimpleAuthManager):
    """``enercity`` sees the DAGs of enercity; what a role may not do stays forbidden."""

    def is_authorized_dag(self, *, method: Any, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        """Return whether the role allows it and the DAG is the user's."""
        allowed = super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details)
        return allowed and details is not None and f"_{user.username.partition('.')[0]}_" in str(details.id)
