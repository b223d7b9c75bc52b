import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { examples as exampleCalls, models as calls } from "../api/calls.ts";
import { isAbort } from "../api/http.ts";
import { usePoller } from "../api/poller.ts";
import type { Model } from "../api/model_types.ts";
import type { Example } from "../api/types.ts";
import { productionVersion } from "../models/model_text.ts";
import { go } from "../routing/location.ts";
import { Link } from "../routing/link.tsx";
import { may } from "../session/session.ts";
import { Empty } from "../ui/empty.tsx";
import { Failure } from "../ui/failure.tsx";
import { words } from "../ui/format.ts";
import { PageHead } from "../ui/page_head.tsx";
import { InputPanel } from "./input_panel.tsx";
import { OutputPanel } from "./output_panel.tsx";
import { Trial } from "./trial.ts";
import "./try_model.css";

export function TryModelPage({ wanted }: { wanted: string | null }) {
  const poller = usePoller(
    "models",
    (signal) => calls.list(signal),
    (page) => (page && page.data.length > 0 ? 15_000 : 2000),
  );
  const failure = poller.failure.value;
  const models = poller.data.value?.data;
  return (
    <>
      <PageHead title="Try a model" />
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
          Push one with <code>millrace model push</code>, then try it here.
        </Empty>
      ) : !may("submitter") ? (
        <Empty title="Your key may only look">Running a model needs a key of the role submitter or above.</Empty>
      ) : (
        <Chosen models={models} wanted={wanted} />
      )}
    </>
  );
}

function Chosen({ models, wanted }: { models: Model[]; wanted: string | null }) {
  const examples = useSignal<Example[]>([]);
  useEffect(() => {
    const controller = new AbortController();
    // Without examples the page still works with files of one's own.
    exampleCalls
      .list(controller.signal)
      .then((list) => {
        examples.value = list;
      })
      .catch((failure: unknown) => {
        if (!isAbort(failure)) examples.value = [];
      });
    return () => controller.abort();
  }, []);

  const model = wanted === null ? models[0] : models.find((each) => each.name === wanted);
  return (
    <>
      <div class="model-choice" role="group" aria-label="Model">
        {models.map((each) => (
          <button
            key={each.name}
            type="button"
            class="model-option"
            aria-pressed={each.name === model?.name}
            onClick={() => go(`/try/${encodeURIComponent(each.name)}`)}
          >
            <b>{each.name}</b>
            <small>{words(productionVersion(each)?.task ?? "")}</small>
          </button>
        ))}
      </div>
      {model ? (
        <Bench key={model.name} model={model} examples={examples.value.filter((each) => each.model === model.name)} />
      ) : (
        <Empty title="No such model">There is no model “{wanted}” here.</Empty>
      )}
    </>
  );
}

function Bench({ model, examples }: { model: Model; examples: Example[] }) {
  const trial = useMemo(() => new Trial(model.name), []);
  useEffect(() => () => trial.abandon(), []);
  const version = productionVersion(model);
  return (
    <>
      {version?.description && (
        <p class="model-about">
          {version.description}. <Link to={`/models/${encodeURIComponent(model.name)}`}>About this model</Link>
        </p>
      )}
      <div class="bench">
        <InputPanel trial={trial} version={version} examples={examples} />
        <OutputPanel trial={trial} />
      </div>
    </>
  );
}
