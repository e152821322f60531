"""Many workers for one plan: started on this machine or by Ray, restarted, and told to end.

Reading order: `lead` (checks the plan), `handover` (what a worker is given of it), `joined_worker`
(does its work, in a folder of `own_folders`), `lead_follower` (does what the lead asks), `life`
(from its start to its end), `local_crew` and `ray_crew` (start workers, as `process_main` or by
Ray), `crew_places` (restart them), `conductor` (steers them), `crew_end`.
"""

from runner.cluster.lead import CrewOptions, check_crew, execute_with_crew

__all__ = ["CrewOptions", "check_crew", "execute_with_crew"]
