"""What was asked of the daemon and what it promised, as lines of a file.

A line is one of
    {"do":"ask",  "key","path","body"}          a submit goes out; its jobs carry the tag promise=KEY/NUMBER
    {"do":"ack",  "key","jobs":[[name,id],…],"ends":{id:[states,results]}}
                                                it was acknowledged; `id` is null for an item that was refused; `ends`: how each may end
    {"do":"refuse","key"}                       it was refused for good, and nothing may be kept of it
    {"do":"expect","id","states","results"}     how the job may end from here on; results null: anything
    {"do":"flow", "id","nodes":{ref:id},"edges":[[parent,child],…]}
"""
import dataclasses
import hashlib
import json

FINAL = ("succeeded", "dead", "cancelled", "expired")


def digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def jobs_of(body):
    """The jobs of a request's body by name, each as a dictionary that may be changed."""
    if "jobs" not in body:
        return {"0": body}
    named = {str(job.get("ref", number)): job for number, job in enumerate(body["jobs"])}
    return {**named, "callback": body["callback"]} if body.get("callback") else named


def is_same(job, other):
    """Whether both were asked for under one unique key."""
    return "unique" in job and job["unique"] == other.get("unique")


@dataclasses.dataclass
class Promise:
    identity: str
    key: str
    job: dict  # as it was submitted
    states: tuple = ("succeeded",)  # that it may end in; of a job that must not end: that it is in
    results: list | None = None


@dataclasses.dataclass
class Journal:
    asked: dict = dataclasses.field(default_factory=dict)  # key -> its line
    answered: dict = dataclasses.field(default_factory=dict)  # key -> [[name, id], …]
    promises: dict = dataclasses.field(default_factory=dict)  # id -> Promise
    refused: set = dataclasses.field(default_factory=set)  # keys
    flows: list = dataclasses.field(default_factory=list)
    faults: list = dataclasses.field(default_factory=list)  # what cannot be, whatever the daemon says later

    def take(self, line):
        getattr(self, f"take_{line['do']}")(line)

    def take_ask(self, line):
        self.asked[line["key"]] = line

    def take_ack(self, line):
        jobs = jobs_of(self.asked[line["key"]]["body"])
        earlier = self.answered.setdefault(line["key"], line["jobs"])
        if earlier != line["jobs"]:
            self.faults.append(f"the key {line['key']} was answered with {earlier}, then with {line['jobs']}")
        for name, identity in line["jobs"]:
            if identity is None:
                continue
            known = self.promises.get(identity)
            if known and known.key != line["key"] and not is_same(known.job, jobs[name]):
                self.faults.append(f"the id {identity} was given to {known.key} and to {line['key']}")
            if not known:
                states, results = line["ends"].get(identity, (["succeeded"], None))
                self.promises[identity] = Promise(identity, line["key"], jobs[name], tuple(states), results)

    def take_refuse(self, line):
        self.refused.add(line["key"])
        if line["key"] in self.answered:
            self.faults.append(f"the key {line['key']} was answered with {self.answered[line['key']]}, then refused")

    def take_expect(self, line):
        promise = self.promises[line["id"]]
        promise.states, promise.results = tuple(line["states"]), line["results"]

    def take_flow(self, line):
        self.flows.append(line)

    @classmethod
    def read(cls, path):
        """A last line that was cut is no promise: nobody was told that it is kept."""
        journal = cls()
        with open(path, encoding="utf-8") as lines:
            for text in lines:
                if text.endswith("\n"):
                    journal.take(json.loads(text))
        return journal
