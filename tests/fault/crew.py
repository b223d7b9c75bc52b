"""Several workloads at once, each on a thread and a connection of its own, over the lives of one daemon."""
import threading


class Crew:
    def __init__(self, workloads):
        self.workloads = workloads
        self.failure = None

    def prepare(self, daemon, client, oracle):
        for workload in self.workloads:
            workload.prepare(daemon, client, oracle)

    def between(self, daemon):
        for workload in self.workloads:
            workload.between(daemon)

    def start(self, daemon, oracle):
        """Until stop(); the daemon may die under it."""
        self.stopping = threading.Event()
        self.threads = [
            threading.Thread(target=self.work, args=(workload, daemon.admin().keep(), oracle))
            for workload in self.workloads
        ]
        for thread in self.threads:
            thread.start()

    def work(self, workload, client, oracle):
        try:
            for _ in workload.work(client, oracle):
                if self.stopping.is_set():
                    return
        except BaseException as failure:  # told where the test can see it
            self.failure = self.failure or failure

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        if self.failure:
            raise self.failure

    def finish(self, client, oracle):
        for workload in self.workloads:
            workload.finish(client, oracle)
