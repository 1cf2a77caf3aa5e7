package ports

// Sources is everything the service reads from: one adapter for each port.
type Sources struct {
	Stages StageSource
	Queue  QueueSource
	Agents AgentSource
	Cost   CostSource
	Worker WorkerState
	CPU    CPUReader
	Clock  Clock
	// Views are the stores whose sources shall share one view in a scrape.
	Views []Viewer
	// Extra are sections beside the core ones, in the order of the envelope.
	Extra []Section
	// Listers bring sections that come and go, after all others.
	Listers []SectionLister
}
