select ordered_on, count(*) as orders, sum(total) as total
from {{ ref('raw_orders') }}
group by ordered_on
