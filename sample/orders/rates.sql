-- Tax and exchange rates of the sample. The class luxury has no rate, GBP has none.
insert into billing.tax_rate (tax_region, tax_class, rate, valid_from, valid_to) values
('DE', 'standard', 0.190000, '2007-01-01', null),
('DE', 'reduced', 0.050000, '2020-07-01', '2021-01-01'),
('DE', 'reduced', 0.070000, '2021-01-01', null),
('AT', 'standard', 0.200000, '1995-01-01', null)
on conflict do nothing;
insert into billing.fx_rate (currency, base_currency, day, rate) values
('USD', 'EUR', '2025-12-30', 0.9174311927),
('USD', 'EUR', '2026-01-05', 0.9090909091),
('USD', 'EUR', '2026-01-12', 0.9259259259),
('USD', 'EUR', '2026-01-19', 0.9345794393),
('USD', 'EUR', '2026-01-26', 0.9174311927),
('JPY', 'EUR', '2025-12-29', 0.0061234567),
('JPY', 'EUR', '2026-01-05', 0.0061012345),
('JPY', 'EUR', '2026-01-12', 0.0060987654),
('JPY', 'EUR', '2026-01-19', 0.0061111111),
('JPY', 'EUR', '2026-01-26', 0.0061222222),
('KWD', 'EUR', '2026-01-02', 2.9876543211)
on conflict do nothing;
