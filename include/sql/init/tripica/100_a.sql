do $$ begin raise notice 'hello'; end $$;
select 1/0;
