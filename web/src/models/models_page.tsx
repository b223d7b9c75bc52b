import { models as calls } from "../api/calls.ts";
import { usePoller } from "../api/poller.ts";
import type { Model } from "../api/model_types.ts";
import { Link } from "../routing/link.tsx";
import { Empty } from "../ui/empty.tsx";
import { Failure } from "../ui/failure.tsx";
import { words } from "../ui/format.ts";
import { PageHead } from "../ui/page_head.tsx";
import { TimeAgo } from "../ui/time.tsx";
import { accuracyText, inputText, productionVersion } from "./model_text.ts";
import "./models.css";

export function ModelsPage() {
  const poller = usePoller(
    "models",
    (signal) => calls.list(signal),
    () => 5000,
  );
  const models = poller.data.value?.data;
  const failure = poller.failure.value;
  return (
    <>
      <PageHead title="Models" />
      {!models ? (
        failure ? (
          <Failure failure={failure} retry={() => poller.refresh()} />
        ) : (
          <p class="loading" role="status">
            Reading models…
          </p>
        )
      ) : models.length === 0 ? (
        <Empty title="No models yet">
          Push one with <code>millrace model push</code>.
        </Empty>
      ) : (
        <div class="model-cards">
          {models.map((model) => (
            <Card key={model.name} model={model} />
          ))}
        </div>
      )}
    </>
  );
}

function Card({ model }: { model: Model }) {
  const version = productionVersion(model);
  const name = encodeURIComponent(model.name);
  return (
    <article class="panel model-card" data-model={model.name}>
      <header>
        <h2>
          <Link to={`/models/${name}`}>{model.name}</Link>
        </h2>
        <span class="chip">{model.production ? `version ${model.production}` : "not in production"}</span>
      </header>
      <p class="model-about">{version?.description || (version ? words(version.task) : "")}</p>
      {version && (
        <dl class="facts">
          <div>
            <dt>Accuracy</dt>
            <dd class="number">{accuracyText(version.accuracy)}</dd>
          </div>
          <div>
            <dt>Input</dt>
            <dd>{inputText(version.input)}</dd>
          </div>
          <div>
            <dt>Labels</dt>
            <dd>{version.labels?.length ?? "–"}</dd>
          </div>
          <div>
            <dt>Versions</dt>
            <dd>
              {model.versions.length}, latest <TimeAgo at={latest(model)} />
            </dd>
          </div>
        </dl>
      )}
      <footer>
        <Link to={`/try/${name}`} class="button button-plain">
          Try it
        </Link>
      </footer>
    </article>
  );
}

function latest(model: Model): string | null {
  return (
    model.versions
      .map((version) => version.created_at)
      .sort()
      .at(-1) ?? null
  );
}
