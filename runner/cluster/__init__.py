"""Many workers for one plan: started on this machine or by Ray, restarted, and told to end."""

from runner.cluster.conductor import CrewOptions, check_crew, execute_with_crew

__all__ = ["CrewOptions", "check_crew", "execute_with_crew"]
