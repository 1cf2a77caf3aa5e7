package exposition

const ifNoTask = "the task is not active, or the section `stages` failed"

// stages are the families of the section of the same name.
func stages() []Family {
	return []Family{
		{
			Name: "orchestrator_task_info", Kind: Info,
			Help:   "An active task, the stage it is in, and what it is for.",
			Labels: []string{"task_id", "stage", "work_item", "repo", "task_ref"},
			From:   "stages[]", Absent: ifNoTask,
			collect: func(e *answer, s *series) {
				for _, task := range e.Stages {
					s.add(1, id(task.TaskID), task.Stage, text(task.WorkItem), text(task.Repo), text(task.TaskRef))
				}
			},
		},
		{
			Name: "orchestrator_task_stage_age_seconds", Kind: Gauge, Unit: "seconds",
			Help:   "Time since the task entered its stage. Negative if two clocks disagree.",
			Labels: []string{"task_id", "stage"},
			From:   "stages[].age_in_stage_s", Absent: "its timestamp is missing or unreadable; " + ifNoTask,
			collect: func(e *answer, s *series) {
				for _, task := range e.Stages {
					s.ifKnown(task.AgeInStageS, id(task.TaskID), task.Stage)
				}
			},
		},
	}
}
