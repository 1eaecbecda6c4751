-- title: Number of the tenant
SELECT tenant_id::text AS __text, tenant_id::text AS __value FROM tenants
