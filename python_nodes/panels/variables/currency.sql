-- title: Currency of the tenant
SELECT currency AS __text, currency AS __value FROM tenants
