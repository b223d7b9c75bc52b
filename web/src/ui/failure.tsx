import { describe } from "../api/http.ts";

/** A problem document in the place where its data would be. */
export function Failure({ failure, retry }: { failure: unknown; retry?: () => void }) {
  const { title, detail } = describe(failure);
  return (
    <div class="failure" role="alert">
      <strong>{title}</strong>
      {detail && <p>{detail}</p>}
      {retry && (
        <button type="button" class="link-button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
