import { useSignal } from "@preact/signals";
import { models as calls } from "../api/calls.ts";
import { ApiError } from "../api/http.ts";
import { usePoller } from "../api/poller.ts";
import { Link } from "../routing/link.tsx";
import { go } from "../routing/location.ts";
import { Empty } from "../ui/empty.tsx";
import { Failure } from "../ui/failure.tsx";
import { words } from "../ui/format.ts";
import { JsonView } from "../ui/json_view.tsx";
import { PageHead } from "../ui/page_head.tsx";
import { Panel } from "../ui/panel.tsx";
import { ComparisonPanel } from "./comparison_panel.tsx";
import { productionVersion } from "./model_text.ts";
import { StatisticsPanel } from "./statistics_panel.tsx";
import { TrafficPanel } from "./traffic_panel.tsx";
import { VersionPanel } from "./version_panel.tsx";
import { VersionsPanel } from "./versions_panel.tsx";
import "./models.css";

const interval = 3000;

async function readAll(name: string, signal: AbortSignal) {
  const [model, traffic, comparison, statistics] = await Promise.all([
    calls.read(name, signal),
    calls.traffic(name, signal),
    calls.comparison(name, signal),
    calls.statistics(name, signal),
  ]);
  return { model, traffic, comparison, statistics };
}

export function ModelPage({ name }: { name: string }) {
  const poller = usePoller(
    name,
    (signal) => readAll(name, signal),
    () => interval,
  );
  const chosen = useSignal<string | null>(null);
  const failure = poller.failure.value;
  if (failure instanceof ApiError && failure.status === 404) {
    return (
      <Empty title="No such model" link={{ to: "/models", text: "All models" }}>
        There is no model “{name}” here.
      </Empty>
    );
  }
  if (!poller.data.value) {
    return failure ? (
      <Failure failure={failure} retry={() => poller.refresh()} />
    ) : (
      <p class="loading" role="status">
        Reading the model…
      </p>
    );
  }
  const { model, traffic, comparison, statistics } = poller.data.value;
  const production = productionVersion(model);
  const version = model.versions.find((each) => each.version === chosen.value) ?? production;
  const changed = () => poller.refresh();
  const deleted = () => {
    if (model.versions.length === 1) go("/models");
    else changed();
  };
  return (
    <>
      <PageHead
        title={model.name}
        above={<Link to="/models">Models</Link>}
        beside={production && <span class="chip">{words(production.task)}</span>}
      >
        <Link to={`/try/${encodeURIComponent(model.name)}`} class="button button-primary">
          Try it
        </Link>
      </PageHead>
      {version?.description && <p class="model-about">{version.description}</p>}
      <div class="job-columns model-columns">
        <div class="job-main">
          <TrafficPanel model={model} traffic={traffic} changed={changed} />
          <VersionsPanel
            model={model}
            traffic={traffic}
            chosen={version?.version}
            choose={(next) => {
              chosen.value = next;
            }}
          />
          <ComparisonPanel comparison={comparison} />
          <StatisticsPanel statistics={statistics} />
          {version?.manifest !== undefined && (
            <Panel title={`Manifest of version ${version.version}`} flush class="after-version">
              <JsonView value={version.manifest} label="manifest" />
            </Panel>
          )}
        </div>
        <div class="job-side">
          {version && (
            <VersionPanel key={version.version} model={model} version={version} changed={changed} deleted={deleted} />
          )}
        </div>
      </div>
    </>
  );
}
