// The providers: whatever answers a request, behind one port. SDKs and the HTTP client load with the first provider that needs them.

export { createProvider } from './create-provider.ts';
export type { ProviderContext } from './route.ts';
