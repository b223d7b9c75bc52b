import { models as calls } from "../api/calls.ts";
import { ApiError } from "../api/http.ts";
import { usePoller } from "../api/poller.ts";
import type { Model, ModelVersion } from "../api/types.ts";
import { Link } from "../routing/link.tsx";
import { CopyButton } from "../ui/copy_button.tsx";
import { Empty } from "../ui/empty.tsx";
import { Failure } from "../ui/failure.tsx";
import { bytes, percent, words } from "../ui/format.ts";
import { JsonView } from "../ui/json_view.tsx";
import { PageHead } from "../ui/page_head.tsx";
import { Panel } from "../ui/panel.tsx";
import { TimeAgo } from "../ui/time.tsx";
import { accuracyText, inputText, productionVersion } from "./model_text.ts";
import "./models.css";

export function ModelPage({ name }: { name: string }) {
  const poller = usePoller(name, (signal) => calls.read(name, signal), () => 5000);
  const model = poller.data.value;
  const failure = poller.failure.value;
  if (!model) {
    if (failure instanceof ApiError && failure.status === 404) {
      return <Empty title="No such model" link={{ to: "/models", text: "All models" }}>There is no model “{name}” here.</Empty>;
    }
    return failure ? <Failure failure={failure} retry={() => poller.refresh()} /> : <p class="loading" role="status">Reading the model…</p>;
  }
  const version = productionVersion(model);
  return (
    <>
      <PageHead title={model.name} above={<Link to="/models">Models</Link>} beside={version && <span class="chip">{words(version.task)}</span>}>
        <Link to={`/try/${encodeURIComponent(model.name)}`} class="button button-primary">Try it</Link>
      </PageHead>
      {version?.description && <p class="model-about">{version.description}</p>}
      <div class="job-columns">
        <div class="job-main">
          <VersionsPanel model={model} />
          {version?.manifest !== undefined && <Panel title={`Manifest of version ${version.version}`} flush><JsonView value={version.manifest} label="manifest" /></Panel>}
        </div>
        <div class="job-side">{version && <ProductionPanel version={version} />}</div>
      </div>
    </>
  );
}

function VersionsPanel({ model }: { model: Model }) {
  return (
    <Panel title="Versions" flush>
      <div class="table-scroll">
        <table class="table table-small">
          <thead><tr><th>Version</th><th>State</th><th class="number">Accuracy</th><th class="number phone-off">Size</th><th class="phone-off">Digest</th><th class="number">Added</th></tr></thead>
          <tbody>
            {model.versions.map((version) => (
              <tr key={version.version}>
                <td><span class="version-name">{version.version}</span>{version.version === model.production && <span class="chip chip-accent">production</span>}</td>
                <td title={version.reason}>{version.state}</td>
                <td class="number">{version.accuracy?.held_out === undefined ? "–" : percent(version.accuracy.held_out)}</td>
                <td class="number phone-off">{version.size === undefined ? "–" : bytes(version.size)}</td>
                <td class="phone-off mono">
                  {version.sha256 ? <>{version.sha256.slice(0, 10)}…<CopyButton text={version.sha256} label="Copy the digest" /></> : "–"}
                </td>
                <td class="number"><TimeAgo at={version.created_at} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function ProductionPanel({ version }: { version: ModelVersion }) {
  return (
    <Panel title={`Version ${version.version}`}>
      <dl class="facts">
        <div><dt>Accuracy</dt><dd>{accuracyText(version.accuracy)}</dd></div>
        <div><dt>Input</dt><dd>{inputText(version.input)}</dd></div>
        {version.accuracy?.note && <div class="facts-wide"><dt>Measured</dt><dd>{version.accuracy.note}</dd></div>}
        {version.labels && (
          <div class="facts-wide"><dt>Labels</dt><dd class="labels">{version.labels.map((label) => <span key={label} class="chip">{label}</span>)}</dd></div>
        )}
      </dl>
    </Panel>
  );
}
