// Why an action was not executed. Each has a class and a code, so that an agent can react.

export type GuardErrorCode =
  | 'STOPPED'
  | 'RATE_LIMITED'
  | 'APPROVAL_PENDING'
  | 'APPROVAL_DENIED'
  | 'UNREACHABLE'
  | 'REFUSED';

/** The action was not executed. */
export class GuardError extends Error {
  readonly code: GuardErrorCode;

  constructor(code: GuardErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A person stopped the feature, the agent or everything. */
export class ActionStopped extends GuardError {
  constructor(reason: string) {
    super('STOPPED', reason);
  }
}

/** Too many actions of this kind, over all processes. */
export class RateLimited extends GuardError {
  constructor(reason: string) {
    super('RATE_LIMITED', reason);
  }
}

/** A person must approve first. Repeat the action with the same key once that is done. */
export class ApprovalPending extends GuardError {
  /** For `lastgood approvals grant ID`. */
  readonly id: string;
  readonly key: string;

  constructor(id: string, key: string, reason: string) {
    super('APPROVAL_PENDING', `${reason}; waiting for the approval ${id}`);
    this.id = id;
    this.key = key;
  }
}

export class ApprovalDenied extends GuardError {
  readonly id: string | null;

  constructor(id: string | null, reason: string) {
    super('APPROVAL_DENIED', reason);
    this.id = id;
  }
}

/** The server cannot be reached, and the ticket says `fail: closed`, or a person would have to approve. */
export class GuardUnreachable extends GuardError {
  constructor(reason: string, options?: ErrorOptions) {
    super('UNREACHABLE', reason, options);
  }
}

/** The server refused the request: a wrong token, role or argument. Never executed, whatever the ticket says. */
export class GuardRefused extends GuardError {
  readonly status: number;

  constructor(status: number, message: string) {
    super('REFUSED', message);
    this.status = status;
  }
}
