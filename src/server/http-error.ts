// An answer that says what was wrong with a request.

export interface HttpErrorDetails {
  readonly hint?: string;
  readonly retryAfterSeconds?: number;
}

/** Thrown by routes; becomes `{"error": {"message", "hint"}}` with this status. */
export class HttpError extends Error {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 421 | 422 | 503;
  readonly details: HttpErrorDetails;

  constructor(status: HttpError['status'], message: string, details: HttpErrorDetails = {}) {
    super(message);
    this.status = status;
    this.details = details;
  }
}
