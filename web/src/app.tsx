import { useEffect } from "preact/hooks";
import { DocsPage } from "./docs/docs_page.tsx";
import { JobPage } from "./job/job_page.tsx";
import { JobsPage } from "./jobs/jobs_page.tsx";
import { KeysPage } from "./keys/keys_page.tsx";
import { ModelPage } from "./models/model_page.tsx";
import { ModelsPage } from "./models/models_page.tsx";
import { OverviewPage } from "./overview/overview_page.tsx";
import { route } from "./routing/location.ts";
import type { Route } from "./routing/route.ts";
import { session } from "./session/session.ts";
import { SignInPage } from "./session/sign_in_page.tsx";
import { Shell } from "./shell/shell.tsx";
import { TryModelPage } from "./try_model/try_model_page.tsx";
import { Empty } from "./ui/empty.tsx";
import { Logo } from "./ui/logo.tsx";
import { reachable } from "./api/http.ts";

export function App() {
  if (session.value === undefined) return <Waiting />;
  if (session.value === null) return <SignInPage />;
  return (
    <Shell>
      <Page route={route.value} />
    </Shell>
  );
}

function Waiting() {
  return (
    <main class="waiting">
      <Logo size={44} turning />
      <p role="status">{reachable.value ? "" : "The daemon does not answer yet. Retrying…"}</p>
    </main>
  );
}

function Page({ route: current }: { route: Route }) {
  switch (current.page) {
    case "overview":
      return <OverviewPage />;
    case "jobs":
      return <JobsPage />;
    case "job":
      return <JobPage key={current.id} id={current.id} />;
    case "models":
      return <ModelsPage />;
    case "model":
      return <ModelPage key={current.name} name={current.name} />;
    case "try":
      return <TryModelPage wanted={current.model} />;
    case "keys":
      return <KeysPage />;
    case "docs":
      return <DocsPage />;
    case "unknown":
      return <Unknown />;
  }
}

function Unknown() {
  useEffect(() => {
    document.title = "Not found · Millrace";
  }, []);
  return <Empty title="There is no such page" link={{ to: "/", text: "Go to the overview" }} />;
}
